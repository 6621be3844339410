import { useEffect, useState, useSyncExternalStore } from "react";

/** The newest defined value; the same object for as long as `key` says it is the same thing. */
export function useLast<T>(value: T | undefined, key: (value: T) => string): T | undefined {
  const [last, setLast] = useState(value);
  if (value !== undefined && (last === undefined || key(last) !== key(value))) {
    setLast(value);
    return value;
  }
  return last;
}

/** `value`, once it has stood still for `milliseconds`. */
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}

/** Whether `value` has been the same for `milliseconds` of the computer's clock in which the page could be seen. */
export function useStandsStill(value: string, milliseconds: number): boolean {
  const [still, setStill] = useState<string | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    // Out of sight nothing is read, so nothing moves.
    const arm = () => {
      clearTimeout(timer);
      if (!document.hidden) timer = setTimeout(() => setStill(value), milliseconds);
    };
    arm();
    document.addEventListener("visibilitychange", arm);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", arm);
    };
  }, [value, milliseconds]);
  return still === value;
}

export type Theme = "dark" | "light";

const THEME_KEY = "plimsoll.theme";
const listeners = new Set<() => void>();
const prefersLight = window.matchMedia("(prefers-color-scheme: light)");

function currentTheme(): Theme {
  const chosen = window.localStorage.getItem(THEME_KEY);
  if (chosen === "dark" || chosen === "light") return chosen;
  return prefersLight.matches ? "light" : "dark";
}

function applyTheme(): void {
  document.documentElement.dataset.theme = currentTheme();
  for (const listener of listeners) listener();
}

applyTheme();
prefersLight.addEventListener("change", applyTheme);

export function setTheme(theme: Theme): void {
  window.localStorage.setItem(THEME_KEY, theme);
  applyTheme();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentTheme);
}
