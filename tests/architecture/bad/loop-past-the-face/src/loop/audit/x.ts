import { y } from '../discovery/store.ts';
