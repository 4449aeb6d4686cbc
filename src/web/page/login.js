// Logs in from another machine.

import { ask, dress, undress } from "/ask.js";
import { nextLanguage, translate } from "/words.js";

const byId = (id) => document.getElementById(id);

byId("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (await ask("POST", "/api/v1/login", Object.fromEntries(new FormData(form)))) location.assign("/");
  else form.elements.pin.select();
});
byId("language").addEventListener("click", nextLanguage);
byId("theme").addEventListener("click", undress);

dress();
translate();
