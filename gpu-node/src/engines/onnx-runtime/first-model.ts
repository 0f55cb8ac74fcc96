/** The model by which an engine finds out whether its device can be used at all. */

/** y = x + x, over one FP32 vector. */
export const DOUBLE = Buffer.from(
  'CAg6OgoOCgF4CgF4EgF5IgNBZGQSBHRlc3RaEAoBeBILCgkIARIFCgMSAW5iEAoBeRILCgkIARIFCgMSAW5CBAoAEA0=',
  'base64',
);
