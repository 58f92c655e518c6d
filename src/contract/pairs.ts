import { z } from 'zod';

/**
 * A JSON object of texts by name. Unlike a record of zod, it leaves no name out without a word: `__proto__` is a name
 * like any other.
 * @param rules the errors of `key` and `value` are told as they are; `notAnObject` says what else it must be
 */
export function pairs(rules: {
  key: z.ZodType<string>;
  value: z.ZodType<string>;
  notAnObject: string | ((issue: z.core.$ZodRawIssue) => string);
}) {
  const { key, value, notAnObject } = rules;
  return z
    .custom<Record<string, string>>(isObject, { error: notAnObject })
    .check(({ value: given, issues }) => {
      for (const [name, text] of Object.entries(given)) {
        issues.push(...keyIssues(key, name), ...valueIssues(value, name, text));
      }
    })
    .meta({ type: 'object', additionalProperties: { type: 'string' } });
}

function keyIssues(key: z.ZodType, name: string): z.core.$ZodRawIssue[] {
  const { error } = key.safeParse(name);
  if (!error) return [];
  const [{ message } = { message: '' }] = error.issues;
  return [
    { code: 'invalid_key', origin: 'record', issues: error.issues, path: [name], input: name, message },
  ];
}

function valueIssues(value: z.ZodType, name: string, text: unknown): z.core.$ZodRawIssue[] {
  const issues = value.safeParse(text, { reportInput: true }).error?.issues ?? [];
  return issues.map((issue) => ({ ...issue, path: [name, ...issue.path] }) as z.core.$ZodRawIssue);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
