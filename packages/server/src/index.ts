export { type App, type AppIo, composeApp } from './app.ts'
export {
  backUpDatabase,
  examineBackup,
  migrateDatabaseData,
  restoreDatabase,
} from './backup/commands.ts'
export { type Config, type ConfigSources, OPTIONS, type Option, parseConfig, variableOf } from './config.ts'
export { METRICS } from './metrics/definitions.ts'
export { examineHost, makeAdminKey, migrateDatabase, type RunningServer, type ServeIo, startServer } from './serve.ts'
