using System.Text;
using PaperReproduction;
using SampleSupport;

Console.OutputEncoding = Encoding.UTF8;
return CommandLine.Run(Commands.Create(), args);
