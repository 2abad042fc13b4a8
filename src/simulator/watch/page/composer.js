// Writing a message: @mention completion, replies in a thread, a file, and the sentence when it is refused.

import { $, arrange, bytes, el, soon } from "/assets/dom.js";
import { act, enter, model, nameOf, on, readRooms } from "/assets/model.js";

/** Text with any of these is markdown; without them it is plain, as Webex's apps send it. */
const MARKUP = /[*_`#<>[\]\\~&]|^\s*([-+]|\d+\.)\s|<@/m;
const MOST_SUGGESTED = 8;

let replyingTo = null;
let attached = null;
let chosen = 0;
let suggested = [];

export function showComposer() {
  const composer = $("composer");
  composer.addEventListener("input", () => {
    grow();
    suggest();
    drawHint();
  });
  composer.addEventListener("keydown", keyed);
  composer.addEventListener("blur", closeCompletion);
  composer.addEventListener("paste", (event) => attach(event.clipboardData.files[0]));
  $("compose").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("attach").addEventListener("click", () => $("file").click());
  $("file").addEventListener("change", () => attach($("file").files[0]));
  $("conversation").addEventListener("dragover", (event) => event.preventDefault());
  $("conversation").addEventListener("drop", (event) => {
    event.preventDefault();
    attach(event.dataTransfer.files[0]);
  });
  on("room", () => {
    reply(null);
    attach(null);
    refuse(null);
  });
  on("room members", soon(drawHint));
  drawHint();
}

/** Begins a reply in the thread of a message, or ends it. */
export function reply(message) {
  replyingTo = message;
  $("replying").hidden = !message;
  if (!message) return;
  const cancel = el("button.small", { type: "button", onclick: () => reply(null) }, "Cancel");
  const quote = (message.text ?? "a file").slice(0, 80);
  $("replying").replaceChildren(el("span", {}, `In reply to ${nameOf(message.personEmail)}: ${quote}`), cancel);
  $("composer").focus();
}

/** The text as a message: markdown with Webex's mentions, or plain. */
export function written(text) {
  const markdown = withMentions(text);
  return MARKUP.test(markdown) ? { markdown } : { text };
}

/** Sends a text as if it were typed. */
export async function say(text) {
  $("composer").value = text;
  await send();
  $("composer").focus();
}

async function send() {
  const text = $("composer").value.trim();
  const room = model.room;
  if (!room || (!text && !attached)) return;
  const message = text ? written(text) : {};
  if (replyingTo) message.parentId = replyingTo.parentId ?? replyingTo.id;
  if (room.id) message.roomId = room.id;
  else message.toPersonEmail = room.email;
  $("send").disabled = true;
  try {
    const posted = await act("POST", "messages", attached ? form(message) : message);
    $("composer").value = "";
    refuse(null);
    reply(null);
    attach(null);
    grow();
    drawHint();
    if (!room.id) {
      await readRooms();
      await enter(posted.roomId);
    }
  } catch (error) {
    refuse(error.message);
  } finally {
    $("send").disabled = false;
  }
}

function form(message) {
  const form = new FormData();
  for (const [key, value] of Object.entries(message)) form.append(key, value);
  form.append("files", attached, attached.name);
  return form;
}

function refuse(sentence) {
  $("refusal").hidden = !sentence;
  $("refusal").textContent = sentence ?? "";
}

function attach(file) {
  if (file === undefined) return;
  attached = file;
  $("file").value = "";
  $("attached").hidden = !file;
  if (!file) return;
  const cancel = el("button.small", { type: "button", onclick: () => attach(null) }, "Remove");
  $("attached").replaceChildren(el("span", {}, `${file.name}, ${bytes(file.size)}`), cancel);
  $("composer").focus();
}

function grow() {
  const composer = $("composer");
  composer.style.height = "auto";
  composer.style.height = `${Math.min(composer.scrollHeight + 2, 220)}px`;
}

function drawHint() {
  const isGroup = model.room?.type === "group";
  const bot = model.state.bot;
  const isHere = model.members.some(({ personId }) => personId === bot.id);
  const mentions = withMentions($("composer").value).includes(bot.email);
  const name = bot.displayName.split(" ")[0];
  let hint = "Enter sends, Shift+Enter begins a line.";
  if (isGroup && !isHere) hint = `${name} is not in this space.`;
  else if (isGroup && !mentions) hint = `${name} only sees what mentions it: type @ and choose it.`;
  $("hint").textContent = hint;
  $("composer").placeholder = model.room ? `Write to ${model.room.title}` : "";
}

/** The people who can be mentioned: each member, and all of them. */
function mentionable() {
  const people = model.members.map((member) => ({ name: member.personDisplayName, email: member.personEmail }));
  return model.room?.type === "group" ? [...people, { name: "all", email: null }] : people;
}

/** Turns `@Name` of a member into Webex's mention, but not inside code. */
function withMentions(text) {
  const people = mentionable().sort((one, other) => other.name.length - one.name.length);
  const pieces = text.split(/(```[\s\S]*?(?:```|$)|`[^`]*`)/);
  return pieces.map((piece, at) => (at % 2 ? piece : mentionedIn(piece, people))).join("");
}

function mentionedIn(text, people) {
  let written = "";
  let at = 0;
  while (at < text.length) {
    const isStart = text[at] === "@" && !/[\w.]/.test(text[at - 1] ?? "");
    const person = isStart && people.find(({ name }) => matches(text.slice(at + 1), name));
    if (person) {
      written += person.email ? `<@personEmail:${person.email}|${person.name.replaceAll(/[|>]/g, "")}>` : "<@all>";
      at += 1 + person.name.length;
    } else {
      written += text[at];
      at += 1;
    }
  }
  return written;
}

const matches = (text, name) =>
  text.slice(0, name.length).toLowerCase() === name.toLowerCase() && !/^\w/.test(text.slice(name.length));

/** The `@…` that is being typed before the caret. */
function typing() {
  const composer = $("composer");
  const before = composer.value.slice(0, composer.selectionStart);
  return /(?:^|[^\w.])@([^\s@]*)$/.exec(before)?.[1];
}

function suggest() {
  const typed = typing();
  if (typed === undefined) return closeCompletion();
  const isLike = ({ name, email }) =>
    name.toLowerCase().startsWith(typed.toLowerCase()) || email?.toLowerCase().startsWith(typed.toLowerCase());
  suggested = mentionable().filter(isLike).slice(0, MOST_SUGGESTED);
  chosen = 0;
  if (suggested.length === 0) return closeCompletion();
  drawCompletion();
}

function drawCompletion() {
  const options = suggested.map(({ name, email }, at) =>
    el(
      "li",
      {
        id: `completion-${at}`,
        role: "option",
        "aria-selected": String(at === chosen),
        onmousedown: (event) => {
          event.preventDefault();
          complete(at);
        },
      },
      el("strong", {}, name),
      el("span.quiet", {}, email ?? "everybody here; no bot hears it"),
    ),
  );
  arrange($("completion"), options);
  $("completion").hidden = false;
  $("composer").setAttribute("aria-expanded", "true");
  $("composer").setAttribute("aria-activedescendant", `completion-${chosen}`);
}

function closeCompletion() {
  suggested = [];
  $("completion").hidden = true;
  $("composer").setAttribute("aria-expanded", "false");
  $("composer").removeAttribute("aria-activedescendant");
}

function complete(at) {
  const composer = $("composer");
  const caret = composer.selectionStart;
  const start = caret - typing().length;
  composer.setRangeText(`${suggested[at].name} `, start, caret, "end");
  closeCompletion();
  drawHint();
}

function keyed(event) {
  if (suggested.length > 0) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      chosen = (chosen + step + suggested.length) % suggested.length;
      drawCompletion();
    } else if (event.key === "Enter" || event.key === "Tab") {
      complete(chosen);
    } else if (event.key === "Escape") {
      closeCompletion();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  } else if (event.key === "Escape" && replyingTo) {
    event.stopPropagation();
    reply(null);
  }
}
