import { createTheme, type MantineColorsTuple } from '@mantine/core';
import type { FindingState } from '../model/finding.ts';
import type { Severity } from '../model/kit.ts';

const ember: MantineColorsTuple = [
  '#fff1e6',
  '#ffe0cc',
  '#fcbf9a',
  '#f99c65',
  '#f77f39',
  '#f66c1d',
  '#e8590c',
  '#c2410c',
  '#a83a0b',
  '#7c2d12',
];

export const theme = createTheme({
  primaryColor: 'ember',
  primaryShade: 7,
  colors: { ember },
  autoContrast: true,
  luminanceThreshold: 0.35,
  defaultRadius: 'md',
  fontFamily: 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: '650' },
});

export const SEVERITY_COLOR: Record<Severity, string> = {
  critical: 'red',
  high: 'orange',
  medium: 'yellow',
  low: 'blue',
  info: 'gray',
};
export const STATE_COLOR: Record<FindingState, string> = {
  open: 'red',
  rekindled: 'grape',
  planned: 'blue',
  excepted: 'yellow',
  fixed: 'green',
  'not-applicable': 'gray',
};
