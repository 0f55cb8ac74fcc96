/** Shows the gateway's own OpenAPI document, in the colours chosen in the console; nothing is asked of any other host. */
const system = matchMedia('(prefers-color-scheme: dark)');

function paint() {
  // The console's own choice, under the name its component library keeps it by; absent or "auto" follows the system.
  const chosen = localStorage.getItem('mantine-color-scheme-value');
  const isDark = chosen === 'dark' || (chosen !== 'light' && system.matches);
  document.documentElement.classList.toggle('dark-mode', isDark);
  document.documentElement.style.colorScheme = isDark ? 'dark' : 'light';
}

paint();
system.addEventListener('change', paint);
globalThis.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
