/** A file. To send, give one of `url`, `mediaId` or `providerId`. */
export interface Media {
  /** Sending: a public http(s) address. Received: where it can be downloaded, for a while. */
  url?: string
  /** From `client.media.upload`. */
  mediaId?: string
  /** The provider's own id of the file. */
  providerId?: string
  mimeType?: string
  /** As the provider wrote it: base64 or hex. */
  sha256?: string
  /** Bytes. */
  size?: number
  filename?: string
  caption?: string
  /** Audio: a voice note. */
  voice?: boolean
  /** Sticker. */
  animated?: boolean
}

export interface Location {
  latitude: number
  longitude: number
  name?: string
  address?: string
  url?: string
}

export interface ContactCard {
  name: {
    formattedName: string
    firstName?: string
    lastName?: string
    middleName?: string
    suffix?: string
    prefix?: string
  }
  /** YYYY-MM-DD */
  birthday?: string
  phones?: { phone?: string; type?: string; waId?: string }[]
  emails?: { email: string; type?: string }[]
  addresses?: {
    street?: string
    city?: string
    state?: string
    zip?: string
    country?: string
    countryCode?: string
    type?: string
  }[]
  org?: { company?: string; department?: string; title?: string }
  urls?: { url: string; type?: string }[]
  origin?: string
  vcard?: string
}

export interface TextPart {
  text: string
}

export type Header =
  | { type: 'text'; text: string }
  | { type: 'image'; image: Media }
  | { type: 'video'; video: Media }
  | { type: 'document'; document: Media }

export interface Button {
  id: string
  title: string
}

export interface ListRow {
  id: string
  title: string
  description?: string
}

export interface Section {
  title?: string
  rows?: ListRow[]
  /** Product retailer ids. */
  products?: string[]
}

interface InteractiveParts {
  header?: Header
  body?: TextPart
  footer?: TextPart
}

/** A message with something to tap. */
export type Interactive = InteractiveParts &
  (
    | { type: 'button'; action: { buttons: Button[] } }
    | { type: 'list'; action: { button: string; sections: Section[] } }
    | { type: 'cta_url'; action: { name?: 'cta_url'; parameters: { display_text: string; url: string } } }
    | { type: 'flow'; action: { name?: 'flow'; parameters: Record<string, unknown> } }
    | { type: 'product'; action: { catalogId: string; productId: string } }
    | { type: 'product_list'; action: { catalogId: string; sections: Section[] } }
    | { type: 'catalog_message'; action: { name?: 'catalog_message'; parameters?: Record<string, unknown> } }
    | { type: 'location_request_message'; action: { name: 'send_location' } }
    | {
        type:
          | 'carousel'
          | 'address_message'
          | 'contact_request'
          | 'call_permission_request'
          | 'voice_call'
          | 'order_details'
          | 'order_status'
        action: OtherAction
      }
  )

/** An action in the provider's own words. */
export interface OtherAction {
  name?: string
  parameters?: Record<string, unknown>
  cards?: unknown[]
  catalogId?: string
  productId?: string
  [member: string]: unknown
}

/** One value of a template, in the provider's snake_case. */
export type TemplateParameter = { parameter_name?: string } & (
  | { type: 'text'; text: string }
  | { type: 'currency'; currency: { code: string; amount_1000: number; fallback_value: string } }
  | { type: 'date_time'; date_time: { fallback_value: string; [member: string]: unknown } }
  | { type: 'image'; image: Media }
  | { type: 'video'; video: Media }
  | { type: 'document'; document: Media }
  | { type: 'gif'; gif: Media }
  | { type: 'location'; location: Location }
  | { type: 'payload'; payload: string }
  | { type: 'coupon_code'; coupon_code: string }
  | { type: 'product'; product: Record<string, unknown> }
  | { type: 'action'; action: Record<string, unknown> }
  | { type: 'limited_time_offer'; limited_time_offer: Record<string, unknown> }
  | { type: 'ttl_minutes'; ttl_minutes: unknown }
  | { type: 'order_status'; order_status: Record<string, unknown> }
  | { type: 'tap_target_configuration'; tap_target_configuration: unknown }
)

export interface TemplateComponent {
  type: 'header' | 'body' | 'button' | 'carousel' | 'limited_time_offer' | 'order_status' | (string & {})
  sub_type?: 'quick_reply' | 'url' | 'copy_code' | 'flow' | 'catalog' | 'mpm' | (string & {})
  index?: number | string
  parameters?: TemplateParameter[]
  cards?: { card_index: number; components: TemplateComponent[] }[]
}

/** Sends a template that the provider approved. */
export interface TemplateUse {
  name: string
  /** LINK only. */
  namespace?: string
  language: { code: string; policy?: string }
  components?: TemplateComponent[]
}

/** What goes both ways. */
type CommonContent =
  | { type: 'text'; text: string; previewUrl?: boolean }
  | { type: 'image'; image: Media }
  | { type: 'audio'; audio: Media }
  | { type: 'video'; video: Media }
  | { type: 'document'; document: Media }
  | { type: 'sticker'; sticker: Media }
  | { type: 'location'; location: Location }
  | { type: 'contacts'; contacts: ContactCard[] }
  | { type: 'interactive'; interactive: Interactive }
  | { type: 'template'; template: TemplateUse }
  /** An empty `emoji` takes the reaction back. */
  | {
      type: 'reaction'
      reaction: {
        /** Ours; received, the provider's if we do not have the message. */
        messageId: string
        /** Received: the provider's id of that message. */
        providerMessageId?: string
        emoji: string
      }
    }

/** What can be sent. */
export type OutboundContent = CommonContent

export interface OrderItem {
  productId: string
  quantity: string
  /** A decimal number as text. */
  price: string
  currency: string
}

/** Content of a kind that Linktor or the provider's API does not know. */
export interface Unsupported {
  /** The provider's word for it. */
  kind: string
  reason?: string
  code?: string
  /** The item as received. */
  raw?: unknown
}

/** What a message can hold. `type` can grow: handle the ones you know and have a default branch. */
export type Content =
  | CommonContent
  | { type: 'order'; order: { catalogId: string; text?: string; items: OrderItem[] } }
  | { type: 'button_reply'; buttonReply: Button }
  | { type: 'list_reply'; listReply: ListRow }
  | { type: 'flow_reply'; flowReply: { name?: string; body?: string; response?: unknown; responseRaw?: string } }
  | {
      type: 'system'
      system: {
        kind: string
        body?: string
        /** Of the message edited or deleted: ours, or the provider's if we do not have it. */
        messageId?: string
        /** The provider's id of that message. */
        providerMessageId?: string
        edited?: Content
        newPhone?: string
        newUserId?: string
      }
    }
  | { type: 'unsupported'; unsupported: Unsupported }
