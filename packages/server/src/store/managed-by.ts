/** The column to set, or none: undefined leaves it as it is. */
export function managedByColumn(managedBy: string | null | undefined): { managed_by?: string | null } {
  return managedBy === undefined ? {} : { managed_by: managedBy }
}
