/** What this package's one function answers, as far as tests use it; it brings no types. */
declare module 'parse-prometheus-text-format' {
  interface Family {
    name: string;
    metrics: { value?: string; labels?: Record<string, string> }[];
  }
  function parse(text: string): Family[];
  export default parse;
}
