// The report of a network that samples/Images trained: a program of its own, since the pictures of a report are drawn with
// SkiaSharp 3, and ML.NET's transforms of images need SkiaSharp 2. Neither the images nor libtorch are needed here.

using System.CommandLine;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Infomorphic;
using Microsoft.ML.Infomorphic.Reporting;
using SampleSupport;

Console.OutputEncoding = Encoding.UTF8;
Option<string> folder = new("--output")
{
    Description = "The folder that samples/Images wrote to.",
    HelpName = "DIR",
    DefaultValueFactory = _ => Path.Combine("output", "images"),
};
var command = new RootCommand("Explains a network that samples/Images trained, in one HTML file.") { folder };
command.SetAction(parsed =>
{
    string from = Path.GetFullPath(parsed.GetRequiredValue(folder));
    string network = Path.Combine(from, "network.zip");
    string pixels = Path.Combine(from, "test.idv");
    if (!File.Exists(network) || !File.Exists(pixels))
        throw new InvalidDataException($"{from} lacks network.zip or test.idv: run samples/Images first.");
    var mlContext = new MLContext();
    InfomorphicPredictionTransformer model = ((IEnumerable<ITransformer>)mlContext.Model.Load(network, out _))
        .OfType<InfomorphicPredictionTransformer>()
        .Single();
    IDataView test = mlContext.Data.LoadFromBinary(pixels);
    string report = Path.Combine(from, "report.html");
    _ = InfomorphicReport.Write(model.Model, test, report, new ReportOptions { Title = "Images" });
    Console.WriteLine($"Written: {report}");
    return CommandLine.Success;
});
return CommandLine.Run(command, args);
