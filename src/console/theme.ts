import { createTheme, type CSSVariablesResolver } from '@mantine/core';

export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: 7,
  defaultRadius: 'md',
  cursorType: 'pointer',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  headings: { fontWeight: '650', sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.0625rem' } } },
  colors: {
    dark: [
      '#d5dae1',
      '#b4bcc8',
      '#98a2b0',
      '#6b7583',
      '#3f4855',
      '#303742',
      '#232932',
      '#171b21',
      '#101317',
      '#0a0c0f',
    ],
  },
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200 } },
    Modal: {
      styles: { title: { fontWeight: 650 } },
      defaultProps: { centered: true, closeButtonProps: { 'aria-label': 'Close' } },
    },
    Drawer: {
      styles: { title: { fontWeight: 650, fontSize: '1.25rem' } },
      defaultProps: { closeButtonProps: { 'aria-label': 'Close' } },
    },
  },
});

/** Mantine's own gray and red are too pale for small text. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#566070',
    '--mantine-color-placeholder': '#69727f',
    '--mantine-color-error': '#c92a2a',
    '--mantine-color-body': '#ffffff',
  },
  dark: {
    '--mantine-color-dimmed': 'var(--mantine-color-dark-2)',
    '--mantine-color-placeholder': '#8a94a3',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-anchor': 'var(--mantine-color-indigo-3)',
  },
});
