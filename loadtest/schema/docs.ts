/** The part of docs/rules.md that tells of each field, written from the same words as the JSON Schema. */
import { ALLOWED, type Field } from "../../shared/rule-schema.ts";
import { FIELDS } from "./fields.ts";

const BEGIN = "<!-- fields: written by `npm run schema` -->";
const END = "<!-- end of fields -->";

/** Replaces the fields in the document. */
export function withFieldDocs(document: string): string {
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined)
    throw new Error(`the document has no place for the fields, between ${BEGIN} and ${END}`);
  const fields = Object.keys(FIELDS).map((name) => fieldDoc(name as Field));
  return `${before}${BEGIN}\n\n${fields.join("\n\n")}\n\n${END}${after}`;
}

function fieldDoc(name: Field): string {
  const { meaning, otherwise, example } = FIELDS[name];
  const lines = [
    `### \`${name}\``,
    "",
    meaning,
    "",
    `- allowed: ${ALLOWED[name]}`,
    `- default: ${otherwise ?? "none, it has to be there"}`,
    `- example: \`${example}\``,
  ];
  return lines.join("\n");
}
