// The spaces and direct messages on the left, and the details of the one that is open.

import { $, arrange, ask, clock, el, soon } from "/assets/dom.js";
import { act, become, call, emit, enter, isBot, model, on, readRooms } from "/assets/model.js";

/** How many rooms are listed at once. The filter finds the others. */
const MOST_LISTED = 200;
const rows = new Map();

export function showRooms(view) {
  const draw = soon(drawRooms);
  $("filter").addEventListener("input", draw);
  $("filter").addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") $("rooms").querySelector("button")?.focus();
    if (event.key === "Enter") $("rooms").querySelector("button")?.click();
  });
  $("rooms").addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-room-id]");
    if (!button) return;
    await enter(button.dataset.roomId);
    view("conversation");
    $("composer").focus();
  });
  $("rooms").addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!step) return;
    event.preventDefault();
    event.target.closest("li")?.[step]?.querySelector("button").focus();
  });
  $("new-space").addEventListener("click", newSpace);
  $("new-direct").addEventListener("click", newDirect);
  $("details-toggle").addEventListener("click", () => {
    $("details").hidden = !$("details").hidden;
    $("details-toggle").setAttribute("aria-expanded", String(!$("details").hidden));
  });
  $("person").addEventListener("change", () => become(model.people.get($("person").value)));
  $("add-person").addEventListener("click", addPerson);
  on("rooms room", draw);
  on("people me", soon(drawPeople));
  on("room members", soon(drawDetails));
  on("room", () => {
    $("details").hidden = true;
    $("details-toggle").setAttribute("aria-expanded", "false");
  });
  drawPeople();
  drawRooms();
  drawDetails();
}

/** Opens the room above or below in the list. */
export async function step(direction) {
  const shown = [...$("rooms").querySelectorAll("button")];
  const now = shown.findIndex((button) => button.getAttribute("aria-current") === "true");
  await enter((shown[now + direction] ?? shown[now] ?? shown[0]).dataset.roomId);
}

function drawRooms() {
  const wanted = $("filter").value.trim().toLowerCase();
  const found = model.rooms.filter((room) => room.title.toLowerCase().includes(wanted)).slice(0, MOST_LISTED);
  arrange($("rooms"), found.map(drawRoom));
}

function drawRoom(room) {
  let row = rows.get(room.id);
  if (!row) {
    const button = el("button", { type: "button", dataset: { roomId: room.id } });
    button.append(el("span.icon", { ariaHidden: "true" }), el("span.title"), el("time"), el("span.dot"));
    row = el("li", {}, button);
    rows.set(room.id, row);
  }
  const button = row.firstChild;
  const [icon, title, time, dot] = button.children;
  const isUnread = model.unread.has(room.id);
  icon.textContent = room.type === "direct" ? initials(room.title) : "#";
  title.textContent = room.title || "(no title)";
  time.textContent = room.lastActivity ? clock(room.lastActivity) : "";
  dot.textContent = isUnread ? "unread" : "";
  button.className = isUnread ? "unread" : "";
  button.setAttribute("aria-current", String(room.id === model.room?.id));
  return row;
}

export const initials = (name) =>
  name
    .split(/\s+/)
    .slice(0, 2)
    .map((word) => word[0] ?? "")
    .join("")
    .toUpperCase();

function drawPeople() {
  const options = model.state.people.map(({ id, displayName }) => el("option", { value: id }, displayName));
  $("person").replaceChildren(...options);
  if (model.me) $("person").value = model.me.id;
  const suggestions = [...model.people.values()].map(({ email, displayName }) =>
    el("option", { value: email }, displayName),
  );
  $("known-people")?.remove();
  document.body.append(el("datalist", { id: "known-people" }, suggestions));
}

function addPerson() {
  ask("Add a person", {
    fields: [
      { name: "email", label: "Email address", type: "email", required: true },
      { name: "displayName", label: "Name (optional)" },
    ],
    action: "Add and become them",
    submit: async (values) => {
      const person = await call("POST", "/control/people", values);
      model.people.set(person.id, person);
      if (!model.state.people.some(({ id }) => id === person.id)) model.state.people.push(person);
      emit("people");
      await become(person);
    },
  });
}

const addresses = (text) => text.split(/[\s,;]+/).filter(Boolean);

function newSpace() {
  ask("New space", {
    fields: [
      { name: "title", label: "Title", required: true },
      {
        name: "members",
        label: "Who else is in it (email addresses)",
        value: model.state.bot.email,
        list: "known-people",
      },
    ],
    action: "Open it",
    submit: async ({ title, members }) => {
      const room = await act("POST", "rooms", { title });
      for (const personEmail of addresses(members)) await act("POST", "memberships", { roomId: room.id, personEmail });
      await readRooms();
      await enter(room.id);
    },
  });
}

function newDirect() {
  ask("Message someone", {
    fields: [
      { name: "to", label: "Email address", type: "email", required: true, list: "known-people" },
      { name: "text", label: "Message", required: true },
    ],
    action: "Send",
    submit: async ({ to, text }) => {
      const message = await act("POST", "messages", { toPersonEmail: to, text });
      await readRooms();
      await enter(message.roomId);
    },
  });
}

function drawDetails() {
  const { room, members } = model;
  $("room-title").textContent = room?.title ?? "";
  const isGroup = room?.type === "group";
  $("details-toggle").hidden = !isGroup;
  $("details-toggle").textContent = members.length === 1 ? "1 person" : `${members.length} people`;
  if (!isGroup) return $("details").replaceChildren();
  const add = el("button", { type: "button", onclick: () => addMember(room) }, "Add someone");
  const rename = el("button", { type: "button", onclick: () => renameRoom(room) }, "Rename");
  const leave = el("button", { type: "button", onclick: () => leaveRoom(members) }, "Leave");
  const remove = el("button.danger", { type: "button", onclick: () => deleteRoom(room) }, "Delete the space");
  const list = el("ul.members", {}, members.slice(0, MOST_LISTED).map(member));
  const more = members.length > MOST_LISTED && el("p.quiet", {}, `and ${members.length - MOST_LISTED} more`);
  $("details").replaceChildren(list, ...[more].filter(Boolean), el("div.row", {}, add, rename, leave, remove));
}

function member(membership) {
  const { personDisplayName, personEmail, personId, isModerator } = membership;
  const isMe = personId === model.me.id;
  const remove = el("button.small", { type: "button", onclick: () => removeMember(membership) }, "Remove");
  return el(
    "li",
    {},
    el("span", {}, personDisplayName, isMe && " (you)"),
    isBot(personId) && el("span.badge", {}, "bot"),
    isModerator && el("span.badge", {}, "moderator"),
    el("span.quiet", {}, personEmail),
    !isMe && remove,
  );
}

function addMember(room) {
  ask(`Add someone to ${room.title}`, {
    fields: [{ name: "personEmail", label: "Email address", type: "email", required: true, list: "known-people" }],
    action: "Add",
    submit: ({ personEmail }) => act("POST", "memberships", { roomId: room.id, personEmail }),
  });
}

function renameRoom(room) {
  ask("Rename the space", {
    fields: [{ name: "title", label: "Title", value: room.title, required: true }],
    action: "Rename",
    submit: ({ title }) => act("PUT", `rooms/${room.id}`, { title }),
  });
}

function removeMember({ id, personDisplayName }) {
  ask(`Remove ${personDisplayName}?`, { action: "Remove", submit: () => act("DELETE", `memberships/${id}`) });
}

function leaveRoom(members) {
  const mine = members.find(({ personId }) => personId === model.me.id);
  ask("Leave the space?", {
    action: "Leave",
    submit: async () => {
      await act("DELETE", `memberships/${mine.id}`);
      await readRooms();
    },
  });
}

function deleteRoom(room) {
  ask(`Delete ${room.title}?`, {
    body: [el("p", {}, "For everybody, with everything that was said in it.")],
    action: "Delete",
    submit: async () => {
      await act("DELETE", `rooms/${room.id}`);
      await readRooms();
    },
  });
}
