/**
 * The JSON Schema of rules, for editors: what a field may be by itself. What fields must be to each other (a threshold
 * of at most the limit), the lengths of durations and the spelling of paths and addresses are left to the rules check;
 * the schema refuses nothing that the check accepts.
 */
import * as v from "valibot";
import { SOURCES_MAX } from "../../shared/limits.ts";
import {
  ACCESS_LIST_MAX,
  ALLOWED,
  BODY_MAX,
  type Field,
  IPV6_PREFIX_MAX,
  IPV6_PREFIX_MIN,
  KEY_PARTS_MAX,
  LEASE_MAX,
  LIMIT_MAX,
  MATCH_LIST_MAX,
  MATCH_VALUE_MAX,
  OWNERS_MAX,
  PLANS_MAX,
  RULE_NAME_MAX,
  RULES_MAX,
  ruleSchema,
} from "../../shared/rule-schema.ts";
import { FIELDS } from "./fields.ts";

/** As much of JSON Schema as is used here. */
export type Schema = Readonly<Record<string, unknown>>;

const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]";
const { entries } = ruleSchema;

const whole = (minimum: number, maximum?: number): Schema => ({
  type: "integer",
  minimum,
  ...(maximum !== undefined && { maximum }),
});
const text = (pattern: string, maxLength?: number): Schema => ({
  type: "string",
  ...(maxLength !== undefined && { maxLength }),
  pattern,
});
const list = (items: Schema, maxItems: number): Schema => ({
  type: "array",
  minItems: 1,
  maxItems,
  uniqueItems: true,
  items,
});
const oneOrList = (item: Schema): Schema => ({ anyOf: [item, list(item, MATCH_LIST_MAX)] });

const DURATION = "^\\d{1,9}(\\.\\d{1,6})?(ms|s|m|h|d)$";
const duration = text(DURATION);
const limit = whole(1, LIMIT_MAX);
const value: Schema = { type: "string", maxLength: MATCH_VALUE_MAX };
/** A header by itself is `header:NAME`; names are compared without regard to case. */
const header = `header:${TOKEN}{1,128}`;
const named = `${header}|cookie:${TOKEN}{1,128}|query:.{1,128}`;
const part = (plain: string, more: string): Schema => text(`^(${plain}|${more})$`);
const tableOf = (names: Schema, each: Schema): Schema => ({
  type: "object",
  propertyNames: names,
  additionalProperties: each,
});

/** What a field may be; those within it are put in where it says `fields`. */
const SHAPES: Readonly<Record<Field, Schema>> = {
  name: text(`^${TOKEN}+$`, RULE_NAME_MAX),
  match: { type: "object" },
  "match.path": oneOrList(text("^(/|\\*$)")),
  "match.methods": list(text("^[!#$%&'*+\\-.^_`|~0-9A-Z]+$", RULE_NAME_MAX), MATCH_LIST_MAX),
  "match.hosts": list(text("^(\\*\\.)?[a-z0-9._-]+$|^\\[[0-9a-f:.]+\\]$", 255), MATCH_LIST_MAX),
  "match.headers": tableOf(text(`^${TOKEN}+$`, RULE_NAME_MAX), oneOrList(value)),
  "match.query": tableOf({ minLength: 1, maxLength: 128 }, oneOrList(value)),
  "match.country": list(text("^[A-Z][A-Z0-9]$"), MATCH_LIST_MAX),
  "match.asn": list(whole(1, 2 ** 32 - 1), MATCH_LIST_MAX),
  "match.not": { type: "object" },
  key: {
    anyOf: [{ const: ["all"] }, list(part("ip|path|host|method|country|asn", named), KEY_PARTS_MAX)],
  },
  ipv6_prefix: whole(IPV6_PREFIX_MIN, IPV6_PREFIX_MAX),
  limit,
  window: duration,
  threshold: { anyOf: [{ const: "auto" }, whole(1)] },
  excess_max: { type: "number", exclusiveMinimum: 0, maximum: 1 },
  lease: { anyOf: [{ const: "auto" }, { type: "number", minimum: 0, maximum: LEASE_MAX }] },
  grace: { anyOf: [{ const: "auto" }, whole(0)] },
  algorithm: { enum: entries.algorithm.wrapped.options },
  burst: limit,
  cost: { anyOf: [whole(1), { type: "object" }] },
  "cost.by": part(header, header),
  "cost.max": whole(1),
  missing: { enum: entries.missing.wrapped.options },
  limits: { type: "object", minProperties: 2, maxProperties: PLANS_MAX + 1, additionalProperties: limit },
  "limits.by": part("country|asn|host|path|method", header),
  allow: { type: "array", maxItems: ACCESS_LIST_MAX, items: value },
  deny: { type: "array", maxItems: ACCESS_LIST_MAX, items: value },
  candidate: { type: "object" },
  "candidate.limit": limit,
  "candidate.window": duration,
  action: { type: "object" },
  "action.kind": { enum: ["deny", "tag"] },
  "action.status": whole(400, 599),
  "action.body": { type: "string", maxLength: BODY_MAX },
  "action.content_type": text("^[\\w.+-]+/[\\w.+-]+(; ?[\\w.-]+=[\\w.-]+)*$", 128),
  "action.header": text(`^${TOKEN}+$`, RULE_NAME_MAX),
  block_for: duration,
  owners: { enum: Array.from({ length: Math.log2(OWNERS_MAX) + 1 }, (_, power) => 2 ** power) },
  on_failure: { enum: entries.on_failure.wrapped.options },
  deadline: text(`^auto$|${DURATION}`),
  align: { enum: entries.align.wrapped.options },
  strict: { anyOf: [{ type: "boolean" }, whole(1, SOURCES_MAX)] },
  spread: { enum: entries.spread.wrapped.options },
  mode: { enum: entries.mode.wrapped.options },
};

const NAMES = Object.keys(ALLOWED).filter((name): name is Field => Object.hasOwn(FIELDS, name));

const defaultOf = (name: Field): Schema => {
  const entry = Object.hasOwn(entries, name) ? entries[name as keyof typeof entries] : undefined;
  const otherwise: unknown = entry === undefined ? undefined : v.getDefault(entry);
  return otherwise === undefined ? {} : { default: otherwise };
};

const capital = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

const fieldSchema = (name: Field): Schema => ({
  description: `${FIELDS[name].meaning} ${capital(ALLOWED[name])}.`.replace(/\.\.$/, "."),
  ...defaultOf(name),
  ...SHAPES[name],
});

/** A table and the fields directly within it; `required` are those that may not be left out. */
function withFields(shape: Schema, prefix: string): Schema {
  const inner = NAMES.filter((name) => name.startsWith(prefix) && !name.slice(prefix.length).includes("."));
  const required = inner.filter((name) => FIELDS[name].otherwise === undefined);
  return {
    ...(!("additionalProperties" in shape) && { additionalProperties: false }),
    ...(required.length > 0 && { required: required.map((name) => name.slice(prefix.length)) }),
    ...shape,
    properties: Object.fromEntries(inner.map((name) => [name.slice(prefix.length), nested(name)])),
  };
}

function nested(name: Field): Schema {
  const shape = fieldSchema(name);
  switch (name) {
    case "match":
    case "limits":
    case "candidate":
      return withFields(shape, `${name}.`);
    case "match.not":
      return conditions(shape);
    case "cost":
      return { ...shape, anyOf: [whole(1), withFields({ type: "object" }, "cost.")] };
    case "action":
      return action(shape);
    default:
      return shape;
  }
}

/** The fields of `match` but the exception. */
function conditions(shape: Schema): Schema {
  const names = NAMES.filter((name) => name.startsWith("match.") && name !== "match.not");
  const fields = names.map((name) => [name.slice("match.".length), fieldSchema(name)]);
  return { ...shape, additionalProperties: false, properties: Object.fromEntries(fields) };
}

/** One for each kind; what belongs to the other kind is not looked at. */
function action(shape: Schema): Schema {
  const names = NAMES.filter((name) => name.startsWith("action.") && name !== "action.kind");
  const variant = (kind: string, own: (name: Field) => boolean): Schema => {
    const fields = names.map((name) => [name.slice("action.".length), own(name) ? fieldSchema(name) : {}]);
    const properties = {
      kind: { ...fieldSchema("action.kind"), enum: [kind] },
      ...Object.fromEntries(fields),
    };
    return { required: ["kind"], additionalProperties: false, properties };
  };
  const isOfTag = (name: Field): boolean => name === "action.header";
  return { ...shape, anyOf: [variant("deny", (name) => !isOfTag(name)), variant("tag", isOfTag)] };
}

/** The schema of a file with rules: rules alone, or a Worker's configuration, of which only the rules are looked at. */
export function rulesFileSchema(): Schema {
  const rule = { type: "object", ...withFields({}, "") };
  const rules = { type: "array", minItems: 1, maxItems: RULES_MAX, items: { $ref: "#/definitions/rule" } };
  const vars = {
    type: "object",
    properties: { RULES: { anyOf: [{ $ref: "#/definitions/rules" }, { type: "string" }] } },
  };
  const ofModules = { required: ["globs"] };
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Rules of Onecount",
    type: "object",
    properties: {
      RULES: { $ref: "#/definitions/rules" },
      rules: {
        description: "The rules; in a Worker's configuration, how its modules are bundled.",
        type: "array",
        items: { if: ofModules, else: { $ref: "#/definitions/rule" } },
      },
      vars: { $ref: "#/definitions/vars" },
      env: { type: "object", additionalProperties: { properties: { vars: { $ref: "#/definitions/vars" } } } },
    },
    definitions: { vars, rules, rule },
  };
}
