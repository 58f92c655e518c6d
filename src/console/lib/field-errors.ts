import { Refused } from '../api/client';
import { explain, type Explanation } from './explain';

export interface FormRefusal {
  /** Messages by form field. */
  fields: Record<string, string>;
  /** What belongs to no field. */
  rest: Explanation | null;
}

/**
 * Sorts what the server says about a body to the fields of a form.
 * @param fields the path of each field in the body, by form field: `targets.thingNames` also takes
 *   `targets.thingNames.3`
 * @param blamed the form field of a refusal that names none, by error code
 */
export function sortErrors(
  error: unknown,
  fields: Record<string, string>,
  blamed: Record<string, string> = {},
): FormRefusal {
  if (!(error instanceof Refused)) return { fields: {}, rest: explain(error) };
  const sorted: Record<string, string> = {};
  const others: string[] = [];
  for (const { path, message } of error.errors) {
    const field = fieldAt(path, fields);
    if (field === undefined) others.push(`${path} ${message}`);
    else sorted[field] = sorted[field] === undefined ? message : `${sorted[field]}; ${message}`;
  }
  const guilty = error.code && blamed[error.code];
  if (guilty !== undefined && error.errors.length === 0)
    return { fields: { [guilty]: error.detail }, rest: null };
  if (others.length === 0 && Object.keys(sorted).length > 0) return { fields: sorted, rest: null };
  const detail = others.length > 0 ? others.join('; ') : error.detail;
  return { fields: sorted, rest: { ...explain(error), ...(others.length > 0 && { detail }) } };
}

function fieldAt(path: string, fields: Record<string, string>): string | undefined {
  return Object.keys(fields).find((name) => path === fields[name] || path.startsWith(`${fields[name]}.`));
}
