import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { paths } from '../paths.ts';

/** To signing in, and from there back to where one was. */
export function ToSignIn() {
  const { href } = useLocation();
  const navigate = useNavigate();
  // Once: the address changes while this still stands, and signing in is nowhere to come back to.
  const from = useRef<string>(null);
  useEffect(() => {
    if (from.current !== null) return;
    from.current = href;
    void navigate({ to: paths.signIn(), state: { from: href } as object, replace: true });
  }, [href, navigate]);
  return null;
}
