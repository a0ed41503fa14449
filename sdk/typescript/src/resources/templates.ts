import type { RequestOptions } from '../core/http.js'
import type { List } from '../core/page.js'
import { path, Resource } from '../core/resource.js'
import type {
  Template,
  TemplateCreate,
  TemplateListParams,
  TemplateRef,
  TemplateSync,
  TemplateUpdate,
} from '../types/channel.js'

export class Templates extends Resource {
  list(params: TemplateListParams, options?: RequestOptions): List<Template> {
    const { channelId, ...query } = params
    return this.pages(path`/api/v1/channels/${channelId}/templates`, query, options)
  }

  get({ channelId, templateId }: TemplateRef, options?: RequestOptions): Promise<Template> {
    return this.http.json({ method: 'GET', path: path`/api/v1/channels/${channelId}/templates/${templateId}` }, options)
  }

  /** Submits a template to the provider for approval. */
  create(params: TemplateCreate, options?: RequestOptions): Promise<Template> {
    const { channelId, ...body } = params
    return this.http.json({ method: 'POST', path: path`/api/v1/channels/${channelId}/templates`, body }, options)
  }

  update(ref: TemplateRef, changes: TemplateUpdate, options?: RequestOptions): Promise<Template> {
    const at = path`/api/v1/channels/${ref.channelId}/templates/${ref.templateId}`
    return this.http.json({ method: 'PATCH', path: at, body: changes }, options)
  }

  async delete({ channelId, templateId }: TemplateRef, options?: RequestOptions): Promise<void> {
    const at = path`/api/v1/channels/${channelId}/templates/${templateId}`
    await this.http.send({ method: 'DELETE', path: at }, options)
  }

  /** Fetches the provider's list of templates now. */
  sync({ channelId }: { channelId: string }, options?: RequestOptions): Promise<TemplateSync> {
    const at = path`/api/v1/channels/${channelId}/templates/sync`
    return this.http.json({ method: 'POST', path: at, body: {} }, options)
  }
}

/** What only WhatsApp has. */
export class WhatsApp {
  readonly templates: Templates

  constructor(templates: Templates) {
    this.templates = templates
  }
}
