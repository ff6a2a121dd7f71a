import { y } from '../host/y.ts';
