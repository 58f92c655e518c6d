import { json } from '@codemirror/lang-json';
import { linter, lintGutter, type Diagnostic } from '@codemirror/lint';
import { useComputedColorScheme } from '@mantine/core';
import CodeMirror, { EditorView, type Extension } from '@uiw/react-codemirror';
import { useMemo } from 'react';
import { findFault } from '../lib/json-document';
import { cspNonce } from '../lib/nonce';

interface JsonCodeProps {
  className: string | undefined;
  value: string;
  onChange: (text: string) => void;
  labelledBy: string;
  describedBy?: string;
}

/** An empty document is not wrong yet. */
function faultsIn({ state: { doc } }: EditorView): Diagnostic[] {
  const text = doc.toString();
  const fault = text.trim() === '' ? undefined : findFault(text);
  if (!fault) return [];
  const to = Math.max(fault.at, doc.lineAt(fault.at).to);
  return [{ from: fault.at, to, severity: 'error', message: `Expected ${fault.expected}` }];
}

const EXTENSIONS: Extension[] = [
  json(),
  linter(faultsIn, { delay: 300 }),
  lintGutter(),
  EditorView.lineWrapping,
  EditorView.cspNonce.of(cspNonce),
];

/** A file of its own, loaded when a document is to be written. Tab leaves the editor, as it leaves other fields. */
export default function JsonCode({ className, value, onChange, labelledBy, describedBy }: JsonCodeProps) {
  const scheme = useComputedColorScheme();
  const extensions = useMemo(
    () => [
      ...EXTENSIONS,
      EditorView.contentAttributes.of({
        'aria-labelledby': labelledBy,
        'aria-required': 'true',
        ...(describedBy && { 'aria-describedby': describedBy, 'aria-invalid': 'true' }),
      }),
    ],
    [labelledBy, describedBy],
  );
  return (
    <CodeMirror
      className={className}
      value={value}
      onChange={onChange}
      extensions={extensions}
      theme={scheme}
      minHeight="220px"
      placeholder={'{ "action": "restart" }'}
      maxHeight="480px"
      indentWithTab={false}
      basicSetup={{
        foldGutter: false,
        highlightActiveLine: false,
        highlightActiveLineGutter: false,
        searchKeymap: false,
      }}
    />
  );
}
