// The token of the API: asked for when the daemon wants one, kept by this tab only.

const KEY = "heddle-token";

export class Secret {
  constructor() {
    this.dialog = document.getElementById("token");
    this.form = document.getElementById("token-form");
    this.input = document.getElementById("token-text");
    this.wrong = document.getElementById("token-wrong");
    this.text = kept();
    // Without a token there is nothing to see: Escape must not leave an empty page.
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
  }

  /** Whether there is one. */
  isSet() {
    return this.text !== "";
  }

  /** Return what a request has to carry. */
  headers() {
    return this.isSet() ? { Authorization: `Bearer ${this.text}` } : {};
  }

  /** Ask the user; resolves once there is an answer. */
  ask(isWrong) {
    this.wrong.textContent = isWrong ? "That was not the token." : "";
    this.input.value = "";
    if (!this.dialog.open) this.dialog.showModal();
    return new Promise((resolve) => {
      this.form.onsubmit = (event) => {
        event.preventDefault();
        this.#keep(this.input.value.trim());
        this.dialog.close();
        resolve();
      };
    });
  }

  #keep(text) {
    // A header has no room for other signs; the daemon's own tokens have none of them.
    this.text = text.replace(/[^\x21-\x7e]/g, "");
    try {
      sessionStorage.setItem(KEY, this.text);
    } catch {
      // Storage is forbidden: it is asked for again after a reload.
    }
  }
}

function kept() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
