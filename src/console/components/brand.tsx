import classes from './brand.module.css';

export function Brand() {
  return (
    <span className={classes.brand}>
      <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden>
        <rect width="32" height="32" rx="7" fill="#4263eb" />
        <path
          d="M7 23V9l9 9 9-9v14"
          fill="none"
          stroke="#fff"
          strokeWidth="3.4"
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      </svg>
      Muster
    </span>
  );
}
