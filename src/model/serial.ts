/** A certificate's serial number in hex, as it is compared: logs, files and probes differ in case and leading zeros. */
export const plainSerial = (serial: string): string =>
  serial
    .toLowerCase()
    .replaceAll(':', '')
    .replace(/^0+(?=.)/, '');
