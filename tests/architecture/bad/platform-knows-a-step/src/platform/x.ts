import { y } from '../loop/audit/index.ts';
