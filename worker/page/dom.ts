/** Small helpers around the document. Text always goes in as text. */

/** The element of that id, which index.html has. */
export function byId<T extends Element>(id: string, kind: { new (): T; readonly name: string }): T {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`no ${kind.name} #${id}`);
  return element;
}

type Attributes = Readonly<Record<string, string>>;

export function html<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children);
  return element;
}

/** Writes only what differs: a text that is written again would be laid out, and perhaps read out, again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element: Element, name: string, value: string): void {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/**
 * Keeps one element for each item under `parent`, in the items' order: elements are made, moved and removed only
 * where the items changed, so that focus and selection stay.
 */
export function keyed<T, E extends Element>(
  parent: Element,
  keyOf: (item: T) => string,
  create: (item: T) => E,
  update: (element: E, item: T) => void,
): (items: readonly T[]) => void {
  const elements = new Map<string, E>();
  return (items) => {
    const wanted = new Set(items.map(keyOf));
    for (const [key, element] of elements) {
      if (wanted.has(key)) continue;
      element.remove();
      elements.delete(key);
    }
    let next: Element | null = parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      const element = elements.get(key) ?? create(item);
      elements.set(key, element);
      update(element, item);
      if (element === next) next = next.nextElementSibling;
      else parent.insertBefore(element, next);
    }
  };
}
