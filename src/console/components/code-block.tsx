import { Copy } from './copy';
import classes from './code-block.module.css';

/** Text for machines, with a button that copies it. */
export function CodeBlock({ code, label }: { code: string; label: string }) {
  return (
    <div className={classes.block}>
      <pre tabIndex={0} aria-label={label}>
        {code}
      </pre>
      <div className={classes.copy}>
        <Copy value={code} label="Copy" />
      </div>
    </div>
  );
}
