import * as z from 'zod';

// The content security policy forbids making code at run time, which zod's fast path would try as soon as a schema is
// made; so this comes before anything that makes one is loaded.
z.config({ jitless: true });
const { start } = await import('./app.tsx');
start();
