// What people can do with an alert: acknowledge, resolve, silence.

import { post } from "../api.js";
import { h } from "../dom.js";

const DURATIONS = [["1800", "30 minutes"], ["3600", "1 hour"], ["7200", "2 hours"], ["28800", "8 hours"], ["86400", "1 day"], ["604800", "7 days"]];
const WHO = "callgauge.who";
const known = () => { try { return localStorage.getItem(WHO) ?? ""; } catch { return ""; } };

const quoted = (value) => `"${value}"`;
export const conditionsOf = (alert) => [`rule=${quoted(alert.rule)}`, ...Object.entries(alert.labels).map(([name, value]) => `${name}=${quoted(value)}`)].join("\n");

/** Buttons for an active alert. `say` tells what became of it. */
export function actions(alert, say) {
  const named = `${alert.rule} ${Object.values(alert.labels).join(" ")}`;
  const button = (text, label, act) => h("button", { type: "button", class: "button", "aria-label": `${label} ${named}`, onclick: act }, text);
  return h("span", { class: "row tight" },
    button("Acknowledge", "Acknowledge", () => actDialog(alert, "acknowledge", "Acknowledge", say)),
    button("Silence", "Silence", () => silenceDialog({ conditions: conditionsOf(alert) }, say)),
    button("Resolve", "Resolve", () => actDialog(alert, "resolve", "Resolve", say)));
}

function actDialog(alert, what, title, say) {
  const why = h("input", { name: "why", maxlength: 1000, autocomplete: "off" });
  const more = { acknowledge: "Nobody is told of it again while this episode lasts.", resolve: "Everybody is told that it is over. If it happens again, it is a new alert." };
  open(`${title} ${alert.rule}`, more[what], [h("label", { class: "field" }, "What others should know", why)], title, say,
    (who) => post(`/v1/alerts/${encodeURIComponent(alert.alert_id)}/${what}`, { why: why.value, who }));
}

export function silenceDialog({ conditions }, say) {
  const which = h("textarea", { name: "conditions", rows: 4, class: "plain mono", spellcheck: "false" });
  which.value = conditions;
  const long = h("select", { name: "long" }, DURATIONS.map(([seconds, text]) => h("option", { value: seconds, selected: seconds === "3600" }, text)));
  const why = h("input", { name: "why", maxlength: 1000, autocomplete: "off" });
  open("New silence", "All conditions must hold, one a line: service=chat, model=~gpt-.*, severity>=error.", [h("label", { class: "field" }, "Conditions", which), h("label", { class: "field" }, "How long", long), h("label", { class: "field" }, "What others should know", why)], "Silence", say,
    (who) => post("/v1/silences", { conditions: which.value.split("\n").map((line) => line.trim()).filter(Boolean), for_s: Number(long.value), why: why.value, who }));
}

function open(title, lead, fields, verb, say, send) {
  const who = h("input", { name: "who", maxlength: 256, autocomplete: "name" });
  who.value = known();
  const wrong = h("p", { class: "bad-text", role: "alert" });
  const go = h("button", { type: "submit", class: "button primary" }, verb);
  const id = `dialog-${Math.random().toString(36).slice(2)}`;
  const submit = async (event) => {
    event.preventDefault();
    go.disabled = true;
    try {
      try { localStorage.setItem(WHO, who.value); } catch { /* asked again next time */ }
      const done = await send(who.value);
      dialog.close();
      say(done.told);
      dispatchEvent(new Event("callgauge:refresh"));
    } catch (error) {
      wrong.textContent = error.message;
    } finally {
      go.disabled = false;
    }
  };
  const dialog = h("dialog", { "aria-labelledby": id, onclose: () => dialog.remove() },
    h("form", { onsubmit: submit }, h("h2", { id }, title), h("p", { class: "muted" }, lead), fields, h("label", { class: "field" }, "Your name", who), wrong,
      h("div", { class: "row" }, go, h("button", { type: "button", class: "button", onclick: () => dialog.close() }, "Cancel"))));
  document.body.append(dialog);
  dialog.showModal();
}
