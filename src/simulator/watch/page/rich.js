// Shows text as Webex does. The HTML of a message is rebuilt from the elements that Webex keeps. Everything else becomes
// plain text, so that nothing a person types can run or load anything.

import { el } from "/assets/dom.js";

const KEPT = new Set([
  "P",
  "BR",
  "STRONG",
  "B",
  "EM",
  "I",
  "A",
  "CODE",
  "PRE",
  "UL",
  "OL",
  "LI",
  "BLOCKQUOTE",
  "HR",
  "H1",
  "H2",
  "H3",
  "H4",
  "H5",
  "H6",
]);
/** Elements whose text is not shown either. */
const SILENT = new Set(["SCRIPT", "STYLE", "TEMPLATE", "IFRAME", "OBJECT", "SVG", "MATH"]);
const LINK = /https?:\/\/[^\s<>"']+[^\s<>"'.,;:!?)\]]/g;

/** The link, if it leads to the web or to a mailbox. */
export function safeLink(url) {
  try {
    const parsed = new URL(url);
    return ["http:", "https:", "mailto:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

export const link = (href, ...children) => el("a", { href, target: "_blank", rel: "noopener noreferrer" }, ...children);

/** Rebuilds a message's HTML. `mine` is the id of the reader, whose mentions are highlighted. */
export function fromHtml(html, mine) {
  const parsed = new DOMParser().parseFromString(html, "text/html");
  return [...parsed.body.childNodes].flatMap((node) => rebuilt(node, mine));
}

function rebuilt(node, mine) {
  if (node.nodeType === Node.TEXT_NODE)
    return node.parentElement?.closest("a, code") ? [node.data] : withLinks(node.data);
  if (node.nodeType !== Node.ELEMENT_NODE || SILENT.has(node.tagName.toUpperCase())) return [];
  const children = [...node.childNodes].flatMap((child) => rebuilt(child, mine));
  if (node.tagName === "SPARK-MENTION") return [mention(node, children, mine)];
  if (node.tagName === "A") {
    const href = safeLink(node.getAttribute("href"));
    return href ? [link(href, children)] : children;
  }
  return KEPT.has(node.tagName) ? [el(node.tagName.toLowerCase(), {}, children)] : children;
}

function mention(node, children, mine) {
  const isMine = node.dataset.objectId === mine || node.dataset.groupType === "all";
  return el(isMine ? "span.mention.mine" : "span.mention", {}, children);
}

/** Shows plain text, with links and line breaks. */
export function fromText(text) {
  return [el("p.plain", {}, withLinks(text))];
}

export function withLinks(text) {
  const pieces = [];
  let end = 0;
  for (const found of text.matchAll(LINK)) {
    const href = safeLink(found[0]);
    if (!href) continue;
    pieces.push(text.slice(end, found.index), link(href, found[0]));
    end = found.index + found[0].length;
  }
  return [...pieces, text.slice(end)];
}

/** Puts escaped characters and entities aside while markup is looked for, so that they are no markup. */
const aside = (letter) => String.fromCharCode(0xe000 + letter.charCodeAt(0));
const ENTITIES = { lt: "<", gt: ">", amp: "&" };
const escaped = (text) =>
  text
    .replace(/\\([!-/:-@[-`{-~])/g, (_, letter) => aside(letter))
    .replace(/&(lt|gt|amp);/g, (_, name) => aside(ENTITIES[name]));
const plain = (text) =>
  text.replace(/[\ue021-\ue07e]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 0xe000));

/** Shows the markdown of a card's TextBlock: strong, emphasis, links and lists. */
export function fromCardText(text) {
  const blocks = [];
  for (const line of escaped(text).replaceAll("\r", "").split("\n")) {
    const item = line.match(/^\s*([-*]|\d+\.)\s+(.*)$/);
    if (!item) {
      if (blocks.length) blocks.push(el("br"));
      blocks.push(...inline(line));
      continue;
    }
    const tag = /\d/.test(item[1]) ? "ol" : "ul";
    if (blocks.at(-1)?.localName !== tag) blocks.push(el(tag));
    blocks.at(-1).append(el("li", {}, inline(item[2])));
  }
  return blocks;
}

const SPAN = /\*\*(.+?)\*\*|__(.+?)__|\*(\S(?:.*?\S)?)\*|_(\S(?:.*?\S)?)_|\[([^\]]+)\]\(([^)\s]+)\)/;

function inline(text) {
  const found = text.match(SPAN);
  if (!found) return [plain(text)];
  const [whole, strong, strong2, emphasis, emphasis2, label, url] = found;
  const before = plain(text.slice(0, found.index));
  const after = inline(text.slice(found.index + whole.length));
  let span = plain(whole);
  if (strong ?? strong2) span = el("strong", {}, inline(strong ?? strong2));
  else if (emphasis ?? emphasis2) span = el("em", {}, inline(emphasis ?? emphasis2));
  else if (safeLink(plain(url))) span = link(safeLink(plain(url)), plain(label));
  return [before, span, ...after];
}
