import type { RequestOptions } from '../core/http.js'
import { path, Resource } from '../core/resource.js'
import type { StoredMedia } from '../types/channel.js'

export interface UploadParams {
  file: Blob | Uint8Array | ArrayBuffer
  /** What the recipient sees; a File's own name if absent. */
  filename?: string
  /** A Blob's own type if absent. */
  mimeType?: string
}

export class Media extends Resource {
  /** Stores a file; send it with `{ image: { mediaId: media.id } }`. */
  upload(params: UploadParams, options?: RequestOptions): Promise<StoredMedia> {
    const { file } = params
    const given = file instanceof Blob ? file : undefined
    const type = params.mimeType ?? given?.type ?? ''
    // Copied, because a typed array may view memory that a Blob must not share.
    const part = file instanceof Uint8Array ? new Uint8Array(file) : file
    const form = new FormData()
    form.set('file', new Blob([part], type ? { type } : {}), params.filename ?? nameOf(given) ?? 'file')
    return this.http.json({ method: 'POST', path: '/api/v1/media', body: form }, options)
  }

  get(id: string, options?: RequestOptions): Promise<StoredMedia> {
    return this.http.json({ method: 'GET', path: path`/api/v1/media/${id}` }, options)
  }
}

function nameOf(blob: Blob | undefined): string | undefined {
  return blob && 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined
}
