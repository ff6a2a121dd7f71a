/**
 * Opening a pipe without a writer, a device or a terminal may never end, and whoever has an account can put one where we
 * look. Below /proc and /sys files say size 0 and are read all the same; a process's own root and directory are not the
 * kernel's, but whatever lies there.
 */
export const isKernels = (path: string): boolean =>
  /^\/(?:proc|sys)\//.test(path) && !/^\/proc\/[^/]+\/(?:root|cwd)\//.test(path) && !path.includes('/../');
