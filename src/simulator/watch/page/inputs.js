// The inputs of an Adaptive Card: draws them, checks what was filled in, and gives what is submitted.

import { el } from "/assets/dom.js";

/** The kinds of inputs that Webex shows. Each makes `{ control, value(), focus }`, and checks everything except `isRequired`. */
const KINDS = {
  "Input.Text": (input) => {
    const control = el(input.isMultiline ? "textarea" : "input", {
      value: input.value ?? "",
      placeholder: input.placeholder ?? "",
      maxLength: input.maxLength > 0 ? input.maxLength : undefined,
      type: input.isMultiline ? undefined : ({ Email: "email", Tel: "tel", Url: "url" }[titled(input.style)] ?? "text"),
    });
    const isWrong = () => control.value !== "" && input.regex && !fits(input.regex, control.value);
    return { control, value: () => control.value, problem: () => isWrong() && "This is not what is asked for." };
  },
  "Input.Number": (input) => {
    const { min, max, value = "", placeholder = "" } = input;
    const control = el("input", {
      type: "number",
      step: "any",
      value,
      placeholder,
      min: min ?? null,
      max: max ?? null,
    });
    return {
      control,
      value: () => control.value,
      problem: () => control.value !== "" && outside(control.value, min, max),
    };
  },
  "Input.Date": (input) => timed("date", input),
  "Input.Time": (input) => timed("time", input),
  "Input.Toggle": (input) => {
    const { valueOn = "true", valueOff = "false" } = input;
    const box = el("input", { type: "checkbox", checked: input.value === valueOn });
    const control = el("label.choice", {}, box, el("span", {}, input.title ?? ""));
    const value = () => (box.checked ? valueOn : valueOff);
    return { control, focus: box, value, isEmpty: () => !box.checked };
  },
  "Input.ChoiceSet": choiceSet,
};

const titled = (word = "") => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase();

function fits(pattern, text) {
  try {
    return new RegExp(pattern, "u").test(text);
  } catch {
    return true;
  }
}

function outside(value, min, max) {
  if (min !== undefined && Number(value) < min) return `At least ${min}.`;
  return max !== undefined && Number(value) > max && `At most ${max}.`;
}

function timed(type, { value = "", min, max }) {
  const control = el("input", { type, value, min: min ?? null, max: max ?? null });
  const isOut = () => (min && control.value < min) || (max && control.value > max);
  return {
    control,
    value: () => control.value,
    problem: () => control.value && isOut() && `From ${min ?? "…"} to ${max ?? "…"}.`,
  };
}

function choiceSet(input) {
  const { choices = [], isMultiSelect, style = "compact", placeholder } = input;
  const before = String(input.value ?? "").split(isMultiSelect ? "," : "\u0000");
  if (!isMultiSelect && style !== "expanded") {
    const none = el("option", { value: "" }, placeholder ?? "");
    const options = choices.map(({ title, value }) => el("option", { value, selected: before.includes(value) }, title));
    const control = el("select", {}, none, options);
    return { control, value: () => control.value };
  }
  const type = isMultiSelect ? "checkbox" : "radio";
  const name = crypto.randomUUID();
  const boxes = choices.map(({ value }) => el("input", { type, name, value, checked: before.includes(value) }));
  const control = el(
    "div.choices",
    { role: isMultiSelect ? "group" : "radiogroup" },
    boxes.map((box, at) => el("label.choice", {}, box, el("span", {}, choices[at].title))),
  );
  const value = () =>
    boxes
      .filter((box) => box.checked)
      .map((box) => box.value)
      .join(",");
  return { control, focus: boxes[0], value };
}

export const isInput = (type) => type in KINDS;

/** Draws an input and notes it in `inputs`, so that a submit finds it. */
export function drawInput(input, inputs) {
  const drawn = KINDS[input.type](input);
  const focus = drawn.focus ?? drawn.control;
  const problemId = `problem-${crypto.randomUUID()}`;
  const problem = el("span.problem", { id: problemId, hidden: true });
  focus.dataset.input = input.id ?? "";
  focus.setAttribute("aria-describedby", problemId);
  const mark = input.isRequired && el("span.required", { ariaHidden: "true" }, " *");
  const isGroup = !["input", "select", "textarea"].includes(drawn.control.localName);
  const caption = input.label && el("span", {}, input.label, mark);
  if (isGroup && input.label) drawn.control.setAttribute("aria-label", input.label);
  if (!input.label) focus.setAttribute("aria-label", input.placeholder ?? input.title ?? input.id ?? "input");
  const field = el(isGroup ? "div.field" : "label.field", {}, caption, drawn.control, problem);
  const check = () => {
    const isMissing = input.isRequired && (drawn.isEmpty?.() ?? drawn.value() === "");
    const wrong = isMissing ? "This is required." : drawn.problem?.();
    problem.hidden = !wrong;
    problem.textContent = wrong ? input.errorMessage || wrong : "";
    focus.setAttribute("aria-invalid", String(Boolean(wrong)));
    return !wrong;
  };
  // The check runs while typing and not on leaving, when elements below would move away from under the pointer.
  field.addEventListener("input", () => problem.hidden || check());
  if (input.id) inputs.push({ id: input.id, value: drawn.value, check, focus, element: field });
  return field;
}

/** The values of all inputs as Webex sends them, or nothing if one of them is wrong; that one then has the focus. */
export function collect(inputs) {
  const wrong = inputs.filter((input) => !input.check());
  wrong[0]?.focus.focus();
  return wrong.length ? null : Object.fromEntries(inputs.map(({ id, value }) => [id, String(value())]));
}
