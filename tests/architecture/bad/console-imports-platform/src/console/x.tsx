import { y } from '../platform/y.ts';
