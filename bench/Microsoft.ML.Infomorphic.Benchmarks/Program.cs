using System.CommandLine;
using System.Text;
using Microsoft.ML.Infomorphic.Benchmarks;
using Microsoft.ML.Infomorphic.Benchmarks.Cases;
using Microsoft.ML.Infomorphic.Benchmarks.Scoring;

Console.OutputEncoding = Encoding.UTF8;
ConsoleTable.SetWidth();

// BenchmarkDotNet reads its own arguments.
if (args is ["kernels", .. string[] rest])
    return KernelsCommand.Run(rest);

var root = new RootCommand("Benchmarks of Infomorphic for ML.NET.")
{
    CompareCommand.Create(),
    ScalingCommand.Create(),
    ScoringCommand.Create(),
    ContributionsCommand.Create(),
    BaselineCommand.Create(),
    CheckCommand.Create(),
    TrialsCommand.Create(),
    CasesCommand.Create(),
    StreamCommand.Create(),
    LaunchesCommand.Create(),
    RecordCommand.Create(),
    new Command("kernels", "Measures the kernels one by one (BenchmarkDotNet; its options follow)."),
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
catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
