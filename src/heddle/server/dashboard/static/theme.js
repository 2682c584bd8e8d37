// The theme, before anything is painted: a classic script in the head, so that no page
// flashes in the wrong one. main.js offers the switch; theme.css has the colours.
"use strict";

(() => {
  const KEY = "heddle-theme";
  const CHOICES = ["system", "light", "dark"];
  const root = document.documentElement;

  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is forbidden: the switch works until the page is closed
    }
  };

  const show = (choice) => {
    root.dataset.theme = choice;
    const button = document.getElementById("theme");
    if (button) button.textContent = `Theme: ${choice}`;
  };

  const choose = (choice) => {
    show(choice);
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // As above.
    }
  };

  const begun = kept();
  show(CHOICES.includes(begun) ? begun : "system");
  document.addEventListener("DOMContentLoaded", () => {
    show(root.dataset.theme);
    document.getElementById("theme").addEventListener("click", () => {
      choose(CHOICES[(CHOICES.indexOf(root.dataset.theme) + 1) % CHOICES.length]);
    });
  });
})();
