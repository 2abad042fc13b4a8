// The state of the page, which comes from the simulator's HTTP API and its stream of events.

/** The page's one state. Views read it and listen for the topics below; only this file and `act` change it. */
export const model = {
  me: null,
  state: null,
  people: new Map(),
  rooms: [],
  room: null,
  members: [],
  /** By room id: the messages read so far, oldest first, and whether there are earlier ones. */
  messages: new Map(),
  unread: new Set(),
  deliveries: [],
  calls: [],
};

/** How many rows the inspector keeps. */
const MOST_ROWS = 300;
const PAGE = 50;
const views = new Map();

/** Topics: `me`, `people`, `rooms`, `room`, `members`, `messages`, `state`, `deliveries`, `calls`, `connection`, `said`. */
export function on(topics, view) {
  for (const topic of topics.split(" ")) views.set(topic, [...(views.get(topic) ?? []), view]);
}

export function emit(topic, detail) {
  for (const view of views.get(topic) ?? []) view(detail);
}

/** Makes a call. A refusal of the simulator becomes an error with its sentence. */
export async function call(method, path, body) {
  const isForm = body instanceof FormData;
  const answer = await fetch(path, {
    method,
    body: body === undefined || isForm ? body : JSON.stringify(body),
    headers: body === undefined || isForm ? {} : { "content-type": "application/json" },
  });
  const text = await answer.text();
  const json = text.startsWith("{") ? JSON.parse(text) : { text };
  if (!answer.ok)
    throw Object.assign(new Error(json.message || text || `status ${answer.status}`), { status: answer.status });
  return Object.assign(json, { hasMore: /rel="next"/.test(answer.headers.get("link") ?? "") });
}

/** Makes a call of Webex's API as the person of this page. */
export const act = (method, path, body) => call(method, personal(path), body);

/** The address of a thing for the person of this page. */
export const personal = (path) => `/as/${encodeURIComponent(model.me.email)}/${path}`;

export const nameOf = (email) =>
  [...model.people.values()].find((person) => person.email === email)?.displayName ?? email;

export const isBot = (personId) => model.people.get(personId)?.type === "bot";

/** The direct room with the bot, which may not exist yet. */
const withBot = () => {
  const { displayName, email } = model.state.bot;
  const isIt = (room) => room.type === "direct" && room.title === displayName;
  return model.rooms.find(isIt) ?? { id: "", title: displayName, type: "direct", email, lastActivity: "" };
};

export async function become(person) {
  model.me = person;
  model.room = null;
  model.messages.clear();
  model.unread.clear();
  emit("me");
  await readRooms();
  await enter(withBot().id);
}

export async function readRooms() {
  const { items } = await act("GET", "rooms?sortBy=lastactivity&max=1000");
  model.rooms = items;
  const bot = withBot();
  if (!bot.id) model.rooms = [bot, ...items];
  // The person was removed from the open room, so it is closed.
  if (model.room && !model.rooms.some((room) => room.id === model.room.id)) await enter(withBot().id);
  else model.room = model.rooms.find((room) => room.id === model.room?.id) ?? null;
  emit("rooms");
}

/** Opens a room, by its id; "" is the direct room with the bot before anything was said in it. */
export async function enter(id) {
  model.room = model.rooms.find((room) => room.id === id) ?? null;
  model.members = [];
  model.unread.delete(id);
  emit("room");
  emit("rooms");
  if (!id) return;
  await Promise.all([readMembers(), model.messages.has(id) ? null : readMessages(id)]);
}

async function readMembers() {
  const room = model.room;
  const { items } = await act("GET", `memberships?roomId=${room.id}&max=1000`);
  if (model.room !== room && model.room?.id !== room.id) return;
  model.members = items;
  emit("members");
}

async function readMessages(id) {
  // Messages that arrive while we read are added to this list.
  const known = { list: [], hasMore: false, isReading: true };
  model.messages.set(id, known);
  const { items, hasMore } = await act("GET", `messages?roomId=${id}&max=${PAGE}`);
  const read = new Set(items.map((message) => message.id));
  known.list = [...items.reverse(), ...known.list.filter((message) => !read.has(message.id))];
  Object.assign(known, { hasMore, isReading: false });
  emit("messages");
}

/** Reads earlier messages. */
export async function readOlder() {
  const known = model.messages.get(model.room?.id);
  if (!known?.hasMore || known.isReading) return false;
  known.isReading = true;
  const query = `roomId=${model.room.id}&max=${PAGE}&beforeMessage=${known.list[0].id}`;
  const { items, hasMore } = await act("GET", `messages?${query}`);
  known.list.unshift(...items.reverse());
  Object.assign(known, { hasMore, isReading: false });
  emit("messages");
  return true;
}

function place({ what, roomId, id, message }) {
  const room = model.rooms.find((room) => room.id === roomId);
  if (!room) return;
  const list = model.messages.get(roomId)?.list;
  const at = list?.findIndex((known) => known.id === id) ?? -1;
  if (what === "deleted") {
    if (at >= 0) list.splice(at, 1);
  } else if (at >= 0) {
    list[at] = message;
  } else if (list && what === "created") {
    list.push(message);
  }
  if (what === "created") {
    room.lastActivity = message.created;
    model.rooms = [room, ...model.rooms.filter((other) => other !== room)];
    if (roomId !== model.room?.id) model.unread.add(roomId);
    emit("said", message);
    emit("rooms");
  }
  emit("messages");
}

/** Reads the rooms once after several changes in a row. */
let reading;
function roomChanged(roomId) {
  if (!model.me) return;
  clearTimeout(reading);
  reading = setTimeout(async () => {
    await readRooms();
    if (roomId && roomId === model.room?.id) await readMembers();
  }, 60);
}

function row(list, topic, added) {
  if (list.some(({ number }) => number === added.number)) return;
  list.unshift(added);
  if (list.length > MOST_ROWS) list.length = MOST_ROWS;
  emit(topic, added);
}

function learn(state) {
  const known = model.people.size;
  model.state = state;
  for (const person of [state.bot, ...state.people]) model.people.set(person.id, person);
  // Drawing again without a change would close a list from which the person is choosing.
  if (model.people.size !== known) emit("people");
  emit("state");
}

async function readRecord() {
  const [deliveries, calls] = await Promise.all([
    call("GET", `/control/deliveries?max=${MOST_ROWS}`),
    call("GET", `/control/calls?max=${MOST_ROWS}`),
  ]);
  model.deliveries = deliveries.items;
  model.calls = calls.items;
  emit("deliveries");
  emit("calls");
}

async function readAll() {
  model.messages.clear();
  await Promise.all([readRooms(), readRecord()]);
  if (model.room?.id) await enter(model.room.id);
}

/** Starts: first follows the events and then reads the state, so that nothing in between is missed. */
export async function start(email) {
  await new Promise(follow);
  const people = model.state.people;
  const me = people.find((person) => person.email === email) ?? people[0] ?? model.state.bot;
  await Promise.all([become(me), readRecord()]);
}

/** Calls `begun` when the first event arrives, which is the state. */
function follow(begun) {
  const events = new EventSource("/control/events");
  let wasLost = false;
  const hear = (name, listener) => events.addEventListener(name, (event) => listener(JSON.parse(event.data)));
  events.onopen = () => {
    emit("connection", true);
    if (wasLost) readAll();
    wasLost = false;
  };
  events.onerror = () => {
    wasLost = Boolean(model.me);
    emit("connection", false);
  };
  hear("state", (state) => {
    learn(state);
    begun();
  });
  hear("reload", readAll);
  hear("message", place);
  hear("room", ({ roomId }) => roomChanged(roomId));
  hear("delivery", (delivery) => row(model.deliveries, "deliveries", delivery));
  hear("call", (call) => row(model.calls, "calls", call));
  hear("person", (person) => {
    model.people.set(person.id, person);
    if (!model.state.people.some(({ id }) => id === person.id)) model.state.people.push(person);
    emit("people");
  });
}
