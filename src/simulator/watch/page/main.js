// Starts the page: puts its parts together, and handles the theme, the keyboard and narrow screens.
//
// Hooks for tests: #person #rooms #messages #composer #send #inspector #deliveries #calls #faults; data-room-id,
// data-message-id, data-number (a row of the inspector), data-tool (reply, edit, delete, trace), data-fault (a button or
// field of the faults), data-input and data-action (in cards).

import { $, ask, el } from "/assets/dom.js";
import { model, on, start } from "/assets/model.js";
import { showComposer, reply, say, written } from "/assets/composer.js";
import { showConversation } from "/assets/conversation.js";
import { showFaults } from "/assets/faults.js";
import { showInspector, trace } from "/assets/inspector.js";
import { showRooms, step } from "/assets/rooms.js";

const THEMES = ["auto", "light", "dark"];

/** Shows a part on a screen with room for only one. On others it shows or hides the inspector beside the rest. */
function view(name) {
  document.body.dataset.view = name;
  if (name === "inspector") inspect(true);
}

function inspect(isOpen) {
  document.body.classList.toggle("without-inspector", !isOpen);
  $("inspector-toggle").setAttribute("aria-expanded", String(isOpen));
}

/** Reads and writes the browser's storage. If that is forbidden, nothing is remembered. */
function remembered(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(key, value);
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function theme(name) {
  document.documentElement.dataset.theme = name;
  $("theme").textContent = { auto: "Auto", light: "Light", dark: "Dark" }[name];
  $("theme").title = "Colours: auto, light or dark";
}

const KEYS = [
  ["Ctrl+K", "find a space or a person"],
  ["Alt+↑  Alt+↓", "the space above or below"],
  ["Ctrl+I", "open or close the inspector"],
  ["@", "mention somebody"],
  ["Enter", "send; Shift+Enter begins a line"],
  ["Escape", "close what is open, back to writing"],
];

function keyed(event) {
  const isCommand = event.ctrlKey || event.metaKey;
  if (isCommand && event.key === "k") {
    view("rooms");
    $("filter").select();
  } else if (isCommand && event.key === "i") {
    const isOpen = document.body.classList.contains("without-inspector");
    inspect(isOpen);
    view(isOpen ? "inspector" : "conversation");
  } else if (event.altKey && event.key === "ArrowUp") {
    step(-1);
  } else if (event.altKey && event.key === "ArrowDown") {
    step(1);
  } else if (event.key === "Escape" && !$("dialog").open) {
    view("conversation");
    $("composer").focus();
    return;
  } else {
    return;
  }
  event.preventDefault();
}

function wire() {
  const isNarrow = matchMedia("(max-width: 1100px)");
  inspect(!isNarrow.matches);
  theme(remembered("theme") ?? "auto");
  $("theme").addEventListener("click", () => {
    const next = THEMES[(THEMES.indexOf(document.documentElement.dataset.theme) + 1) % THEMES.length];
    remembered("theme", next);
    theme(next);
  });
  $("inspector-toggle").addEventListener("click", () => {
    const isOpen =
      document.body.classList.contains("without-inspector") ||
      (document.body.dataset.view !== "inspector" && isNarrow.matches);
    inspect(isOpen);
    view(isOpen ? "inspector" : "conversation");
  });
  $("back").addEventListener("click", () => view("rooms"));
  $("inspector-back").addEventListener("click", () => {
    view("conversation");
    if (isNarrow.matches) inspect(false);
  });
  $("keys").addEventListener("click", () =>
    ask("Keyboard", {
      body: [
        el(
          "dl.pairs",
          {},
          KEYS.flatMap(([key, does]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)]),
        ),
      ],
    }),
  );
  document.addEventListener("keydown", keyed);
  on("connection", (isLive) => {
    $("connection").textContent = isLive ? "live" : "reconnecting…";
    $("connection").className = isLive ? "live" : "lost";
  });
  on("me", () => {
    const address = new URL(location.href);
    address.searchParams.set("as", model.me.email);
    history.replaceState(null, "", address);
  });
}

wire();
try {
  await start(new URLSearchParams(location.search).get("as"));
  showRooms(view);
  showConversation({ reply, trace, say, written });
  showComposer();
  showInspector(view);
  showFaults();
  $("composer").focus();
} catch (error) {
  console.error(error);
  document
    .querySelector("main")
    .replaceChildren(el("p.problem", {}, `The simulator does not answer: ${error.message}`));
}
