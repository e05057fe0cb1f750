using System.Text;
using Mnist;
using SampleSupport;

Console.OutputEncoding = Encoding.UTF8;
return CommandLine.Run(SampleOptions.CreateCommand(MnistRun.Run), args);
