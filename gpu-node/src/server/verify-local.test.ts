import { describe, expect, it } from 'vitest';
import { verifyLocal } from './verify-local.ts';

describe('verifyLocal', () => {
  it.each([
    {},
    { host: 'localhost:8000' },
    { host: '127.0.0.1:8000' },
    { host: '[::1]:8000', origin: 'http://localhost:5173' },
  ])('lets in %j', (headers) => expect(verifyLocal(headers)).resolves.toBe('local'));

  it.each([
    { host: 'models.example.com' },
    { host: '127.0.0.1.example.com' },
    { host: 'localhost:8000', origin: 'https://example.com' },
    { host: 'localhost:8000', origin: 'null' },
    { host: 'localhost:8000', origin: 'http://localhost.example.com' },
  ])('refuses %j', (headers) => expect(verifyLocal(headers)).rejects.toMatchObject({ code: 'unauthenticated' }));
});
