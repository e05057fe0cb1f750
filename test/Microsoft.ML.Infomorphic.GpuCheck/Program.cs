// The parts of build/gpu-check.sh: what can be known of a device only where there is one. Each part is a process of its own
// that writes one report; the last one puts them together.

using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.ML.Infomorphic.Benchmarks;
using Microsoft.ML.Infomorphic.GpuCheck;

Console.OutputEncoding = Encoding.UTF8;
ConsoleTable.SetWidth();
var root = new RootCommand("What a device shows of Infomorphic for ML.NET.")
{
    FactsPart.Create(),
    TestsPart.Create(),
    EqualityPart.Create(),
    CompareCommand.Create(),
    AccuracyPart.Create(),
    TogetherPart.Create(),
    MemoryPart.Create(),
    LaunchesCommand.Create(),
    Summary.Create(),
};
ParseResult parsed = root.Parse(args);
if (parsed.Errors.Count > 0)
{
    Console.Error.WriteLine(parsed.Errors[0].Message);
    return 2;
}

try
{
    return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or ExternalException)
{
    // What follows the first line of libtorch's messages are its own calls.
    Console.Error.WriteLine(e.Message.Split('\n')[0]);
    return 1;
}
