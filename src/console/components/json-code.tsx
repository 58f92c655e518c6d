import { json, jsonParseLinter } from '@codemirror/lang-json';
import { linter, lintGutter, type Diagnostic } from '@codemirror/lint';
import { useComputedColorScheme } from '@mantine/core';
import CodeMirror, { EditorView, type Extension } from '@uiw/react-codemirror';
import { useMemo } from 'react';
import { cspNonce } from '../lib/nonce';
import classes from './json-code.module.css';

interface JsonCodeProps {
  value: string;
  onChange: (text: string) => void;
  labelledBy: string;
  describedBy?: string;
}

const findErrors = jsonParseLinter();

/** An empty document is not wrong yet. */
const errorsIn = (view: EditorView): Diagnostic[] =>
  view.state.doc.toString().trim() === '' ? [] : findErrors(view);

const EXTENSIONS: Extension[] = [
  json(),
  linter(errorsIn, { delay: 300 }),
  lintGutter(),
  EditorView.lineWrapping,
  EditorView.cspNonce.of(cspNonce),
];

/** A file of its own, loaded when a document is to be written. Tab leaves the editor, as it leaves other fields. */
export default function JsonCode({ value, onChange, labelledBy, describedBy }: JsonCodeProps) {
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
      className={classes.editor}
      value={value}
      onChange={onChange}
      extensions={extensions}
      theme={scheme}
      minHeight="220px"
      maxHeight="480px"
      indentWithTab={false}
      basicSetup={{ foldGutter: false, highlightActiveLine: false, searchKeymap: false }}
    />
  );
}
