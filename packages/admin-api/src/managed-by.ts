import { newName } from './names.ts'

/** What declares a thing, as a request says it: a name that is not reserved, so that nobody poses as Countersign. */
export const managedBy = () =>
  newName()
    .nullable()
    .meta({ description: 'The name of the declared file that it stands in. Null: made by hand.', example: null })
