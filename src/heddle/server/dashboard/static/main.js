// The page: one stream in, one paint for each frame out. Views get the whole state and
// touch only what differs.

import { EventsView } from "./events.js";
import { GpusView } from "./gpus.js";
import { HeaderView } from "./header.js";
import { History } from "./history.js";
import { InstanceView } from "./instance.js";
import { Palette } from "./palette.js";
import { Secret } from "./secret.js";
import { ServicesView } from "./services.js";
import { Stream } from "./stream.js";
import { TransitionView } from "./transition.js";

class Page {
  constructor() {
    this.secret = new Secret();
    this.palette = new Palette();
    this.history = new History();
    this.stream = new Stream(this, this.secret);
    this.header = new HeaderView();
    this.instance = new InstanceView(this.palette, this.stream);
    this.gpus = new GpusView(this.palette, (place) => this.instance.open(place));
    this.services = new ServicesView(this.palette, this.history);
    this.transition = new TransitionView(this.palette);
    this.events = new EventsView(this.palette);
    this.state = null;
    this.frame = 0;
  }

  status(state) {
    this.state = state;
    this.palette.learn(state.services.map((service) => service.name));
    this.history.learn(state.services);
    this.header.heard();
    this.#paintSoon();
  }

  event(event, isNew) {
    this.events.add(event, isNew);
    this.#paintSoon();
  }

  forget() {
    this.events.clear();
  }

  live() {
    this.header.show("live");
  }

  lost(reason) {
    this.history.gap();
    this.header.show("lost", reason);
  }

  token(isWrong) {
    this.header.show("locked");
    return this.secret.ask(isWrong);
  }

  /** At most one paint a frame, however fast messages come. */
  #paintSoon() {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.#paint();
    });
  }

  #paint() {
    this.events.paint();
    if (this.state === null) return;
    for (const view of [this.header, this.services, this.gpus, this.transition, this.instance]) {
      view.paint(this.state);
    }
  }
}

new Page().stream.run();
