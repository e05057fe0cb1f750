using BatchScoring;
using SampleSupport;

return CommandLine.Run(BatchOptions.CreateCommand(BatchRun.Run), args);
