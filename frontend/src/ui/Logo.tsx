/** The mark on a hull that says how far a ship may be loaded. */
export function Logo({ size }: { size: number }) {
  return (
    <svg className="logo" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="9.5" fill="none" stroke="currentColor" strokeWidth="2.8" />
      <path d="M2.5 16h27" stroke="currentColor" strokeWidth="2.8" strokeLinecap="round" />
    </svg>
  );
}
