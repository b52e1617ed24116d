/** The policy against its JSON Schema, which is generated from the function's own types. */
import Ajv2020, { type ErrorObject } from 'ajv/dist/2020';
import schema from '../../generated/policy.schema.json';
import { adviceFor, GENERAL } from './advice';
import { nearest } from './nearest';
import { type Finding, type Path, shown } from './problem';

// Strict: a keyword or a `format` in the schema that nobody here would check is an error of its own.
const ajv = new Ajv2020({ allErrors: true, verbose: true, strict: true });
const validate = ajv.compile(schema);

/** One finding a place, however many ways the schema has to say it. */
export function schemaFindings(data: unknown): Finding[] {
  if (validate(data)) return [];
  const findings = new Map<string, Finding>();
  for (const error of telling(validate.errors ?? [])) {
    const finding = explain(error, data, validate.errors ?? []);
    const place = JSON.stringify([finding.path, finding.atKey === true]);
    if (!findings.has(place)) findings.set(place, finding);
  }
  return [...findings.values()];
}

/**
 * Leaves out what only frames other errors: the `anyOf` of an optional value, its branch for null, and the
 * `propertyNames` around a key that has its own error.
 */
function telling(errors: readonly ErrorObject[]): readonly ErrorObject[] {
  const kept = errors.filter(
    (error) =>
      !['anyOf', 'oneOf', 'propertyNames'].includes(error.keyword) &&
      !(error.keyword === 'type' && error.params.type === 'null'),
  );
  return kept.length > 0 ? kept : errors;
}

function explain(error: ErrorObject, data: unknown, all: readonly ErrorObject[]): Finding {
  const path = pathOf(error, data);
  const advice = adviceFor(path);
  const found = shown(error.data);
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return unknownKey(path, error);
    case 'required': {
      const missing = String(error.params.missingProperty);
      const hint = adviceFor([...path, missing]);
      return {
        path,
        what: `${JSON.stringify(missing)} is missing`,
        todo: hint === GENERAL ? 'Add it.' : `Add it. ${hint.todo}`,
      };
    }
    case 'pattern':
    case 'minLength':
      return error.propertyName === undefined
        ? { path, what: advice.misfit, found, todo: advice.todo }
        : { path, atKey: true, what: advice.misfit, found: shown(error.propertyName), todo: advice.todo };
    case 'minItems':
      return {
        path,
        what: 'must not be empty',
        found,
        todo: hasOwn(path) ? `${advice.todo} Or leave the key out, and the default holds.` : advice.todo,
      };
    case 'minProperties':
      return { path, what: 'must not be empty', found, todo: advice.todo };
    case 'maxItems':
      return {
        path,
        what: `has ${(error.data as readonly unknown[]).length} units, and StackSets take ${error.params.limit} at once`,
        todo: 'Name the units that contain them, or organization.root instead.',
      };
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return { path, what: `must be ${error.params.comparison} ${error.params.limit}`, found, todo: advice.todo };
    case 'type':
      return { path, what: `must be ${typeText(error.params.type)}`, found, todo: advice.todo };
    case 'enum':
    case 'const': {
      const allowed = allowedAt(error.instancePath, all);
      const meant = typeof error.data === 'string' ? nearest(error.data, allowed) : undefined;
      const what = allowed.length === 1 ? `must be ${allowed[0]}` : `must be one of ${allowed.join(', ')}`;
      return { path, what, found, todo: meant ? `Did you mean ${meant}?` : 'No other word is known in this version.' };
    }
    default:
      return { path, what: error.message ?? 'is not valid', found, todo: advice.todo };
  }
}

/** Whether a path leads into what accounts or units have of their own: there keys are ids. */
function hasOwn(path: Path): boolean {
  return path[0] === 'accounts' || path[0] === 'units';
}

/** An unknown key, or, where the keys are ids, one that is not an id. */
function unknownKey(path: Path, error: ErrorObject): Finding {
  const key = String(path[path.length - 1]);
  if (path.length === 2 && hasOwn(path)) {
    const advice = adviceFor(path);
    return { path, atKey: true, what: advice.misfit, found: shown(key), todo: advice.todo };
  }
  const known = Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {});
  const meant = nearest(key, known);
  return {
    path,
    atKey: true,
    what: 'unknown key',
    todo: meant ? `Did you mean "${meant}"?` : `Known here: ${known.join(', ')}.`,
  };
}

/** Every word that some branch of the schema allows here: one `enum`, or a `const` a branch. */
function allowedAt(instancePath: string, all: readonly ErrorObject[]): string[] {
  const words = all
    .filter((error) => error.instancePath === instancePath)
    .flatMap((error) =>
      error.keyword === 'enum'
        ? error.params.allowedValues
        : error.keyword === 'const'
          ? [error.params.allowedValue]
          : [],
    );
  return [...new Set(words.filter((word) => word !== null).map(String))];
}

/** The schema's JSON pointer as keys and list indexes, with the key that is wrong at its end. */
function pathOf(error: ErrorObject, data: unknown): Path {
  const path: (string | number)[] = [];
  let value = data;
  for (const escaped of error.instancePath.split('/').slice(1)) {
    const step = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path.push(Array.isArray(value) ? Number(step) : step);
    value = (value as Record<string, unknown> | undefined)?.[step];
  }
  const key = error.params.additionalProperty ?? error.params.unevaluatedProperty ?? error.propertyName;
  return key === undefined ? path : [...path, String(key)];
}

function typeText(type: unknown): string {
  const words: Record<string, string> = {
    string: 'text',
    integer: 'a whole number',
    number: 'a number',
    object: 'a map of keys',
    array: 'a list',
    boolean: 'true or false',
  };
  const types = (Array.isArray(type) ? type : [type]).filter((one) => one !== 'null');
  return types.map((one) => words[String(one)] ?? String(one)).join(' or ');
}
