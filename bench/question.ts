import { HOST } from './seed.ts'

/** What Caddy's `forward_auth` sends to /verify/forward for `curl https://webdav.example.com/…` with a bearer key. */
export function questionOf(key: string): Record<string, string> {
  return {
    Host: HOST,
    'User-Agent': 'curl/8.9.1',
    Accept: '*/*',
    Authorization: `Bearer ${key}`,
    'X-Forwarded-For': '192.0.2.17',
    'X-Forwarded-Host': HOST,
    'X-Forwarded-Method': 'GET',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-Uri': '/music/Some%20Album/01%20song.ogg',
    'Accept-Encoding': 'gzip',
  }
}

export const VERIFY_PATH = '/verify/forward'
