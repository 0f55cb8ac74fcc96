/** How a version is uploaded, as a command for a shell. */

/** The key is left for the reader to put in. */
export function uploadCommand(model: string): string {
  return `curl -X POST -H "authorization: Bearer $KEY" -T model.onnx ${location.origin}/api/models/${model}/versions`;
}
