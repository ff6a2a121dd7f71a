import { Time } from './Time.tsx';

/** The instant itself, for what somebody signs or answers for. */
export const Moment = ({ at }: { at: string }) => <Time at={at} mode="date" />;
