using System.Text;
using GammaSweep;
using SampleSupport;

Console.OutputEncoding = Encoding.UTF8;
return CommandLine.Run(SampleOptions.CreateCommand(SweepRun.Run), args);
