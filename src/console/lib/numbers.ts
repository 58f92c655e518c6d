const format = new Intl.NumberFormat('en');

/** `12,345` */
export const number = (value: number): string => format.format(value);

/** `1 thing`, `2,000 things` */
export const count = (value: number, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`;
